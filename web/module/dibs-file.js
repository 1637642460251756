/**
 * Files of a chat, over HTTP: how one goes to the server, and how its lasting address becomes one that can be read for a while.
 */

const SPARE_MS = 60_000;
const AT_ONCE = 64;

/** The server did not take a file, or could not be reached (`code` undefined). `retryAfter` in seconds, where it may be tried again. */
export class FileRefused extends Error {
  constructor(detail, code, retryAfter) {
    super(detail);
    this.name = "FileRefused";
    this.code = code;
    this.retryAfter = retryAfter;
  }
}

export class Files {
  /** `url` is that of the WebSocket, `token` gives a good one. */
  constructor(url, token) {
    this._base = new URL(url.replace(/^ws/, "http"));
    this._token = token;
    /** Lasting address and name to `{url, until}`. */
    this._signed = new Map();
    this._wanted = undefined;
  }

  /** Sends a file; `onprogress` hears `{loaded, total}`. Gives `{url, name, type, size, width?, height?}`. */
  async upload(store, blob, { user, name = blob.name ?? "file", onprogress, signal } = {}) {
    const at = new URL("/files", this._base);
    at.search = new URLSearchParams({ store, ...(user && { user }), name });
    const token = await this._token();
    signal?.throwIfAborted();
    // Only the older of both ways tells how far it is; Node has only the newer one.
    const send = globalThis.XMLHttpRequest ? byRequest : byFetch;
    return answerOf(await send(at.href, token, blob, onprogress, signal), 201);
  }

  /** Lasting addresses, each as it is or as `{url, name}`, to such as can be read for some minutes; those that are not ours or not there are missing. */
  async sign(urls) {
    const asked = urls.map((one) => (one.url ? one : { url: one }));
    const kept = (one) => this._signed.get(keyOf(one));
    const missing = asked.filter((one) => !(kept(one)?.until > Date.now() + SPARE_MS));
    if (missing.length) await this._ask(missing);
    // Whose clock is wrong has them for as long as this answer.
    return new Map(asked.filter(kept).map((one) => [one.url, kept(one).url]));
  }

  forget() {
    this._signed.clear();
  }

  /** All that is wanted within a turn is asked for at once. */
  async _ask(missing) {
    if (!this._wanted) {
      const wanted = (this._wanted = { all: new Map(), done: undefined });
      wanted.done = new Promise((done) => setTimeout(done)).then(async () => {
        this._wanted = undefined;
        const all = [...wanted.all.values()];
        for (let at = 0; at < all.length; at += AT_ONCE) await this._fetch(all.slice(at, at + AT_ONCE));
      });
    }
    for (const one of missing) this._wanted.all.set(keyOf(one), one);
    await this._wanted.done;
  }

  async _fetch(part) {
    const said = await byFetch(new URL("/files/sign", this._base).href, await this._token(), JSON.stringify({ urls: part }));
    const { urls: signed, until } = answerOf(said, 200);
    for (const one of part) {
      if (signed[one.url]) this._signed.set(keyOf(one), { url: new URL(signed[one.url], this._base).href, until });
      else this._signed.delete(keyOf(one));
    }
  }
}

const keyOf = ({ url, name }) => `${url} ${name}`;

function answerOf({ status, text, retryAfter }, wanted) {
  if (status === wanted) return JSON.parse(text);
  const { code, detail } = text[0] === "{" ? JSON.parse(text) : { detail: `the server answered ${status}` };
  throw new FileRefused(detail, code, Number(retryAfter) || undefined);
}

function byRequest(url, token, blob, onprogress, signal) {
  return new Promise((done, failed) => {
    const asked = new XMLHttpRequest();
    asked.open("POST", url);
    asked.setRequestHeader("Authorization", `Bearer ${token}`);
    if (onprogress) asked.upload.onprogress = ({ loaded, total }) => onprogress({ loaded, total });
    asked.onload = () => done({ status: asked.status, text: asked.responseText, retryAfter: asked.getResponseHeader("Retry-After") });
    asked.onerror = () => failed(new FileRefused("the server could not be reached"));
    asked.onabort = () => failed(signal.reason);
    signal?.addEventListener("abort", () => asked.abort());
    asked.send(blob);
  });
}

async function byFetch(url, token, body, onprogress, signal) {
  const said = await fetch(url, { method: "POST", body, signal, headers: { Authorization: `Bearer ${token}` } }).catch((error) => {
    throw signal?.aborted ? error : new FileRefused("the server could not be reached");
  });
  const text = await said.text();
  if (said.ok && onprogress) onprogress({ loaded: body.size, total: body.size });
  return { status: said.status, text, retryAfter: said.headers.get("Retry-After") };
}
