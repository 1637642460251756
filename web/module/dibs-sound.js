/** One quiet sound for an answer that comes unseen, from one tab where there are several. No file: two tones that fade. */

const GAP_MS = 1000;
const LOUDNESS = 0.06;

let output;

export function chime() {
  // Before somebody has touched the page no browser lets it sound.
  if (navigator.userActivation?.hasBeenActive === false) return;
  const once = (lock) => lock && (ring(), new Promise((done) => setTimeout(done, GAP_MS)));
  if (navigator.locks) navigator.locks.request("dibs.sound", { ifAvailable: true }, once).catch(() => {});
  else ring();
}

function ring() {
  output ??= new AudioContext();
  output.resume();
  const [tone, loudness, at] = [output.createOscillator(), output.createGain(), output.currentTime];
  tone.frequency.setValueAtTime(660, at);
  tone.frequency.setValueAtTime(880, at + 0.12);
  loudness.gain.setValueAtTime(LOUDNESS, at);
  loudness.gain.exponentialRampToValueAtTime(0.0001, at + 0.5);
  tone.connect(loudness).connect(output.destination);
  tone.start(at);
  tone.stop(at + 0.5);
}
