/** How the widget looks. A sheet of its own inside its shadow root: nothing of it reaches the shop's page, nor the page's into it. */

export const CSS = `
:host { all: initial !important; position: fixed !important; inset: auto 20px 20px auto !important; z-index: 2147483000 !important;
  display: block !important; color-scheme: light !important;
  --accent: #1d5fd6; --on-accent: #fff; --paper: #fff; --ground: #f5f6f8; --ink: #1b1f26; --quiet: #5c6470; --line: #e2e5ea; --theirs: #fff;
  --bad: #b3261e; --warn-paper: #fff3d6; --warn: #6b4700; --good: #1f7a42; --shadow: 0 12px 40px rgb(16 24 40 / .22);
  font: 14px/1.5 system-ui, "PingFang SC", "Microsoft YaHei", sans-serif !important; }
:host([data-theme="dark"]) { color-scheme: dark !important; --accent: #7aa7ff; --on-accent: #0b1220; --paper: #171a21; --ground: #0f1116; --ink: #e9ecf2;
  --quiet: #a0a8b5; --line: #2b303a; --theirs: #20242d; --bad: #ff9a91; --warn-paper: #3a2e10; --warn: #ffd98a; --good: #77d39b; --shadow: 0 12px 40px rgb(0 0 0 / .6); }
*, *::before, *::after { box-sizing: border-box; }
[hidden] { display: none !important; }
svg { width: 20px; height: 20px; fill: none; stroke: currentColor; stroke-width: 1.8; stroke-linecap: round; stroke-linejoin: round; display: block; flex: none; }
button, textarea { font: inherit; color: inherit; margin: 0; }
button { border: 0; background: none; cursor: pointer; padding: 0; border-radius: 8px; }
:focus { outline: none; }
:focus-visible { outline: 2px solid var(--accent); outline-offset: 2px; }
a { color: inherit; text-underline-offset: 2px; overflow-wrap: anywhere; }
b { display: block; font-weight: 600; }
h2, .tray b, .offer b { overflow: hidden; text-overflow: ellipsis; white-space: nowrap; }
small, .preview b, .state, .day, .system, .by, .foot, .typing { font-size: 12px; color: var(--quiet); }
.launcher, .face, .mine .bubble, .latest, .strong { background: var(--accent); color: var(--on-accent); }
.launcher, .preview, .panel, .menu, .latest { box-shadow: var(--shadow); }
.tray, .offer, .rating, .ask, .list, form { border-top: 1px solid var(--line); font-size: 13px; }

.launcher { position: relative; display: grid; place-items: center; width: 56px; height: 56px; border-radius: 50%; margin-left: auto; }
.launcher:hover { transform: translateY(-2px); }
.launcher svg { width: 26px; height: 26px; }
.count { position: absolute; top: -4px; right: -4px; min-width: 22px; height: 22px; padding: 0 6px; border-radius: 11px; background: #c62828; color: #fff;
  font-size: 12px; line-height: 22px; text-align: center; font-weight: 600; box-shadow: 0 0 0 2px var(--paper); }
.preview { display: flex; align-items: flex-start; width: max-content; max-width: min(300px, calc(100vw - 40px)); margin: 0 0 12px auto; border-radius: 14px 14px 4px 14px;
  background: var(--paper); color: var(--ink); }
.preview > :first-child { padding: 10px 2px 10px 14px; text-align: start; }
.preview span { display: -webkit-box; -webkit-box-orient: vertical; -webkit-line-clamp: 3; overflow: hidden; overflow-wrap: anywhere; }

.panel { position: relative; display: flex; flex-direction: column; width: min(380px, calc(100vw - 40px)); height: min(600px, calc(100dvh - 40px)); background: var(--paper);
  color: var(--ink); border-radius: 16px; overflow: hidden; }
header { position: relative; display: flex; align-items: center; gap: 10px; padding: 12px 8px 12px 16px; border-bottom: 1px solid var(--line); }
.face { flex: none; display: grid; place-items: center; width: 38px; height: 38px; border-radius: 50%; font-weight: 600; position: relative; }
.face img { position: absolute; inset: 0; width: 100%; height: 100%; border-radius: 50%; object-fit: cover; background: var(--ground); }
.face[data-online="true"]::after { content: ""; position: absolute; right: -1px; bottom: -1px; width: 11px; height: 11px; border-radius: 50%; background: var(--good);
  box-shadow: 0 0 0 2px var(--paper); }
.who { flex: 1; min-width: 0; }
h2 { margin: 0; font-size: 15px; line-height: 1.35; font-weight: 600; }
.state:empty { display: none; }
.state { line-height: 1.4; }
.tool { flex: none; display: grid; place-items: center; width: 36px; height: 36px; color: var(--quiet); }
.tool + .tool { margin-left: -8px; }
.tool:hover { background: var(--ground); color: var(--ink); }
.menu { position: absolute; z-index: 1; top: calc(100% - 6px); right: 8px; min-width: 190px; padding: 6px; background: var(--paper); border: 1px solid var(--line);
  border-radius: 12px; }
.menu button { display: flex; gap: 10px; align-items: center; width: 100%; padding: 8px 10px; text-align: start; }
.menu button:focus-visible, .list button:focus-visible { outline-offset: -2px; }
.menu svg { color: var(--quiet); }
.menu button:hover, .list button:hover { background: var(--ground); }
.banner { padding: 6px 16px; background: var(--warn-paper); color: var(--warn); font-size: 12px; text-align: center; }

.thread { position: relative; flex: 1; min-height: 0; display: flex; }
.log { flex: 1; min-width: 0; overflow-y: auto; overscroll-behavior: contain; background: var(--ground); padding: 12px 14px 16px; display: flex; flex-direction: column; gap: 4px;
  scrollbar-width: thin; }
.log > :first-child { margin-top: auto; }
.day, .system { align-self: center; text-align: center; padding: 6px 10px; max-width: 90%; }
.message { display: flex; flex-direction: column; align-items: flex-start; max-width: 82%; margin-top: 6px; }
.message.near { margin-top: 0; }
.message.mine { align-self: flex-end; align-items: flex-end; }
.by { padding: 0 4px 2px; }
.bubble { padding: 8px 12px; border-radius: 14px; background: var(--theirs); border: 1px solid var(--line); white-space: pre-wrap; overflow-wrap: anywhere; max-width: 100%; }
.mine .bubble { border-color: transparent; }
.message:not(.near):not(.mine) .bubble { border-top-left-radius: 4px; }
.message.mine:not(.near) .bubble { border-top-right-radius: 4px; }
.foot { display: flex; align-items: center; gap: 8px; padding: 2px 4px 0; }
.foot button { color: var(--accent); text-decoration: underline; text-underline-offset: 2px; padding: 2px; }
.card { display: flex; gap: 10px; align-items: center; text-decoration: none; min-width: 200px; white-space: normal; }
.card img { flex: none; width: 56px; height: 56px; object-fit: cover; border-radius: 8px; background: var(--ground); }
.card small { color: inherit; opacity: .85; }
.picture { padding: 0; border: 0; background: none; }
.picture img { display: block; max-width: 100%; max-height: 240px; object-fit: cover; border-radius: 14px; background: var(--line); min-width: 48px; min-height: 48px; }
.message progress { width: 160px; max-width: 100%; height: 4px; margin: 6px 4px 2px; accent-color: var(--accent); }
.panel[data-over]::after { content: attr(data-drop); position: absolute; inset: 8px; z-index: 2; display: grid; place-items: center; border: 2px dashed var(--accent);
  border-radius: 12px; background: var(--paper); color: var(--accent); font-weight: 600; }
.tray { list-style: none; margin: 0; padding: 6px 8px 6px 12px; max-height: 30%; overflow-y: auto; }
.tray li { display: flex; gap: 10px; align-items: center; padding: 2px 0; }
.tray li > span { flex: 1; min-width: 0; line-height: 1.3; }
.bad { color: var(--bad); font-weight: 500; }
@media not all and (pointer: coarse) { .camera { display: none; } }
.typing { align-self: flex-start; padding: 4px; }
.latest { position: absolute; left: 50%; bottom: 10px; transform: translateX(-50%); padding: 6px 14px; border-radius: 16px; font-size: 12px; white-space: nowrap; }

.offer { display: flex; align-items: center; gap: 10px; padding: 8px 12px; }
.offer .card { flex: 1; min-width: 0; }
.offer .card img { width: 40px; height: 40px; }
.offer .card > span { min-width: 0; }
.strong { padding: 6px 12px; font-size: 13px; border-radius: 16px; white-space: nowrap; }
.rating { padding: 12px 16px; text-align: center; }
.smile { padding: 5px; margin: 4px 2px 0; color: var(--quiet); }
.smile svg { width: 32px; height: 32px; stroke-width: 1.5; }
.smile:hover, .smile[aria-pressed="true"] { color: var(--accent); background: var(--ground); }
.more { display: flex; gap: 8px; align-items: flex-end; margin-top: 8px; }
.rating textarea { height: auto; border-radius: 12px; }
.ask { display: flex; flex-wrap: wrap; align-items: center; gap: 8px; padding: 10px 16px; }
.ask span { flex: 1; min-width: 120px; }
.weak { padding: 6px 12px; color: var(--quiet); }
.list { max-height: 40%; overflow-y: auto; padding: 6px; }
.list button { display: block; width: 100%; padding: 8px 10px; text-align: start; }
form { display: flex; align-items: flex-end; gap: 4px; padding: 8px; }
textarea { flex: 1; min-width: 0; resize: none; border: 1px solid var(--line); border-radius: 18px; padding: 8px 14px; background: var(--ground); max-height: 120px;
  line-height: 20px; height: 38px; font-size: 14px; }
textarea::placeholder { color: var(--quiet); opacity: 1; }
textarea:focus-visible { outline-offset: 0; }
.go { color: var(--accent); }

@media (max-width: 480px), (max-height: 440px) {
  :host([data-open]) { inset: 0 !important; }
  .panel { width: 100vw; height: 100dvh; border-radius: 0; }
  textarea { font-size: 16px; }
}
@media (prefers-reduced-motion: no-preference) {
  .launcher { transition: transform .15s; }
  .panel, .preview { animation: rise .18s ease-out; }
  @keyframes rise { from { opacity: 0; transform: translateY(8px); } }
}
@media (forced-colors: active) { .bubble, .launcher, .strong { border: 1px solid; } }
`;
