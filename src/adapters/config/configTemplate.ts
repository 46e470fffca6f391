/** The commented config file that `config default` prints, and that the first connection is written into. */
export const configTemplate = `# Settings of the workspace backend. Every line below shows its default or an example; remove the # to change it.
# Secrets never stand here: name them by reference, as env:NAME, file:path or local:name.

# [server]
# listen = "127.0.0.1:8787"
# access_token_ref = "local:access-token" # needed to listen on other addresses than loopback
# allowed_hosts = ["workspace.example"] # names under which browsers may open the page, besides the address itself

# [data]
# root = ".yoi/data"

# [limits]
# max_records = 200

# Where connections may lead. Metadata and link-local addresses are always refused.
# [egress]
# allow_private = true
# deny = ["10.0.0.0/8"]

# More kinds of runtime, from a package that is installed beside this file or from a module's file. Loaded at start.
# [[plugins]]
# package = "yoi-workspace-plugin-example"
# isolation = "process" # or "worker", or "none" for a plugin that may do all that the backend may

# A runtime of any kind, built in or of a plugin.
# [[runtimes.source]]
# id = "demo"
# kind = "mock"

# A runtime on another machine. The same entry can be made on the settings page and with the CLI.
# [[runtimes.remote]]
# id = "example"
# endpoint = "http://127.0.0.1:8790"
# display_name = "Example Runtime"
# token_ref = "local:example-runtime-token"
`
