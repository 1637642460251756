/** How the connection is, as it is told to people: nothing while all is well. */

const BACK_MS = 2000;

export class Connection {
  constructor(client, changed) {
    /** By how much the clock of the server is ahead of ours. */
    this.aheadMs = 0;
    /** `{state: "lost" | "back", at?, caughtUp?}`, or undefined. */
    this.told = undefined;
    this.isReady = false;
    this._changed = changed;
    this._wasReady = false;
    this._caughtUp = 0;
    client.on("state", (told) => this._hear(client, told));
    client.on("message", () => {
      if (!this.isReady) this._caughtUp += 1;
    });
  }

  _hear(client, { state, again }) {
    clearTimeout(this._timer);
    if (client.welcome) this.aheadMs = client.welcome.at - Date.now();
    this.isReady = state === "ready";
    if (state === "ready") {
      this.told = this._wasReady ? { state: "back", caughtUp: this._caughtUp } : undefined;
      this._wasReady = true;
      this._caughtUp = 0;
      if (this.told) this._timer = setTimeout(() => this._tell(undefined), BACK_MS);
    } else if (state === "waiting") this.told = { state: "lost", at: Date.now() + again };
    else if (state === "connecting" && this.told) this.told = { state: "lost" };
    this._changed();
  }

  _tell(told) {
    this.told = told;
    this._changed();
  }
}
