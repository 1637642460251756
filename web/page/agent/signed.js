/** Files of this server: their addresses are good for some minutes, so each is asked for when it is looked at. */

const FOLDER = "/files/";

export function isKept(url) {
  return typeof url === "string" && url.startsWith(FOLDER);
}

/** An address that can be loaded now, or undefined. */
export async function signed(desk, url, name) {
  try {
    return (await desk.client.sign([{ url, name }])).get(url);
  } catch {
    return undefined;
  }
}

/** Lets `link` lead to a fresh address whenever it is followed: to look at, or with a name to be kept under that. */
export function follow(desk, link, url, name) {
  link.addEventListener("click", async (event) => {
    event.preventDefault();
    const found = await signed(desk, url, name);
    if (!found) desk.ask("broken");
    else if (name === undefined) open(found, "_blank", "noopener");
    else Object.assign(document.createElement("a"), { href: found, download: name }).click();
  });
}
