/** Which addresses that people sent are followed: `https:` ones, and paths on this server. The server lets no others pass; we look again. */

import { safe as safeFrom } from "../../dibs-draw.js";

export { pieces } from "../../dibs-draw.js";

export function safe(url) {
  return safeFrom(url, location.origin);
}
