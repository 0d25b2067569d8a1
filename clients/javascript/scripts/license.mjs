/** Puts the project's licence beside what is published. */

import { copyFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";

const here = dirname(dirname(fileURLToPath(import.meta.url)));
copyFileSync(join(here, "..", "..", "LICENSE"), join(here, "LICENSE"));
