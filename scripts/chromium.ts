/** The browser the tests drive: Chromium from the npm registry, with the libraries and fonts it needs, no system package. */
import { execFileSync } from "node:child_process"
import {
  copyFileSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  renameSync,
  rmSync,
  writeFileSync
} from "node:fs"
import { join } from "node:path"
import { fileURLToPath } from "node:url"
import { brotliDecompressSync } from "node:zlib"
import { type LaunchOptions } from "playwright"

const modules = fileURLToPath(new URL("../node_modules", import.meta.url))
const packed = join(modules, "@sparticuz/chromium")
const japanese = join(modules, "@expo-google-fonts/m-plus-1p")

/** Only the fonts shipped here, so that a page looks the same on every machine. Latin first, Japanese where Latin has no glyph. */
const fontsConf = (folder: string) => `<?xml version="1.0"?>
<!DOCTYPE fontconfig SYSTEM "fonts.dtd">
<fontconfig>
  <dir>${folder}/fonts</dir>
  <cachedir>${folder}/fontconfig</cachedir>
  <match target="pattern">
    <edit name="family" mode="append_last"><string>Open Sans</string><string>M PLUS 1p</string></edit>
  </match>
</fontconfig>
`

const unpackTar = (name: string, into: string) =>
  execFileSync("tar", ["-x", "-C", into], {
    input: brotliDecompressSync(readFileSync(join(packed, "bin", `${name}.tar.br`)))
  })

/** Unpacks beside the final folder and renames, so that of several processes starting at once each ends with a whole copy. */
const unpack = (folder: string) => {
  mkdirSync(join(modules, ".cache/chromium"), { recursive: true })
  const fresh = mkdtempSync(`${folder}.`)
  const browser = brotliDecompressSync(readFileSync(join(packed, "bin/chromium.br")))
  writeFileSync(join(fresh, "chromium"), browser, { mode: 0o755 })
  for (const name of ["al2023", "fonts", "swiftshader"]) unpackTar(name, fresh)
  for (const font of ["400Regular/MPLUS1p_400Regular.ttf", "700Bold/MPLUS1p_700Bold.ttf"])
    copyFileSync(join(japanese, font), join(fresh, "fonts", font.slice(font.indexOf("/") + 1)))
  writeFileSync(join(fresh, "fonts.conf"), fontsConf(folder))
  try {
    renameSync(fresh, folder)
  } catch (error) {
    rmSync(fresh, { recursive: true, force: true })
    if (!existsSync(folder)) throw error
  }
}

/**
 * What `chromium.launch` of playwright needs. Unpacks the browser on first use (about 3 s).
 * `CHROME_BIN` names another browser; it is needed where the npm package has no build (anything but Linux x64).
 */
export const chromiumOptions = (): LaunchOptions & { readonly executablePath: string } => {
  // The sandbox needs privileges that a container or a root shell does not have; the pages are our own.
  const args = ["--no-sandbox"]
  const own = process.env.CHROME_BIN
  if (own !== undefined && own !== "") return { executablePath: own, args }
  if (process.platform !== "linux" || process.arch !== "x64")
    throw new Error(
      `No Chromium in the npm registry for ${process.platform} ${process.arch}: name yours in CHROME_BIN.`
    )
  const { version } = JSON.parse(readFileSync(join(packed, "package.json"), "utf8"))
  const folder = join(modules, ".cache/chromium", version)
  if (!existsSync(folder)) unpack(folder)
  const env = { ...process.env, LD_LIBRARY_PATH: join(folder, "lib"), FONTCONFIG_PATH: folder }
  return { executablePath: join(folder, "chromium"), args, env }
}
