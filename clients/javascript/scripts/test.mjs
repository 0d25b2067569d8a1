/** Bundles test/*.test.ts and runs them in Node's own test runner; arguments go to the runner. */

import { spawnSync } from "node:child_process";
import { readdirSync, rmSync } from "node:fs";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { build } from "esbuild";

process.chdir(dirname(dirname(fileURLToPath(import.meta.url))));
const tests = readdirSync("test").filter((name) => name.endsWith(".test.ts"));
rmSync("build/test", { recursive: true, force: true });
await build({
  entryPoints: tests.map((name) => join("test", name)),
  bundle: true,
  format: "esm",
  platform: "node",
  target: "node20",
  packages: "external",
  sourcemap: "inline",
  outdir: "build/test",
  outExtension: { ".js": ".mjs" },
  logLevel: "warning",
});
const made = tests.map((name) => join("build/test", name.replace(/\.ts$/, ".mjs")));
const { status } = spawnSync(
  process.execPath,
  ["--enable-source-maps", "--test", "--test-concurrency=1", "--test-timeout=60000", ...process.argv.slice(2), ...made],
  { stdio: "inherit" },
);
process.exit(status ?? 1);
