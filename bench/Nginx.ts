/** nginx as a proxy, where the machine has it. */
import { spawnSync } from "node:child_process"
import { mkdirSync, writeFileSync } from "node:fs"
import { freePort } from "./FreePort.ts"
import { start } from "./Process.ts"

export const isHere = (): boolean => spawnSync("nginx", ["-v"]).status === 0

const config = (folder: string, port: number, upstream: number): string => `
daemon off;
master_process off;
pid ${folder}/pid;
error_log stderr crit;
events { worker_connections 4096; }
http {
  access_log off;
  client_body_temp_path ${folder}/body;
  proxy_temp_path ${folder}/proxy;
  fastcgi_temp_path ${folder}/fastcgi;
  uwsgi_temp_path ${folder}/uwsgi;
  scgi_temp_path ${folder}/scgi;
  keepalive_requests 1000000000;
  upstream runtime { server 127.0.0.1:${upstream}; keepalive 128; keepalive_requests 1000000000; }
  server {
    listen 127.0.0.1:${port} backlog=4096;
    location / { proxy_pass http://runtime; proxy_http_version 1.1; proxy_set_header Connection ""; }
  }
}
`

/** One process, so that its processor time is all of it. */
export const proxy = async (folder: string, upstream: number) => {
  const port = await freePort()
  mkdirSync(folder, { recursive: true })
  writeFileSync(`${folder}/nginx.conf`, config(folder, port, upstream))
  // It says nothing when it is ready, so the shell speaks for it and then becomes it.
  const script = `echo http://127.0.0.1:${port}; exec nginx -p "$0" -c "$0/nginx.conf"`
  const running = await start("nginx", ["-c", script, folder], { program: "sh" })
  await new Promise((resolve) => setTimeout(resolve, 500))
  return running
}
