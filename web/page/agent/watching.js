/** An element that shows what a desk holds, and again whenever that changes: it has `_desk`, and `_update()` shows. */

export class Watching extends HTMLElement {
  connectedCallback() {
    this._end = this._desk.watch(() => this._update());
    this._update();
  }

  disconnectedCallback() {
    this._end();
  }
}
