// While bytes move, leaving the page is asked about and the screen stays on: phones suspend a page behind a dark one.
const holders = new Set<object>();
let screenLock: WakeLockSentinel | null = null;

export function stayAwake(holder: object, wanted: boolean): void {
  const before = holders.size;
  if (wanted) holders.add(holder);
  else holders.delete(holder);
  if (Boolean(before) === Boolean(holders.size)) return;
  const change = holders.size ? addEventListener : removeEventListener;
  change("beforeunload", confirmLeaving);
  change("visibilitychange", keepScreenOn);
  if (holders.size) keepScreenOn();
  else screenLock?.release().catch(() => {});
}

function confirmLeaving(event: Event): void {
  event.preventDefault();
  event.returnValue = false; // for browsers of before 2024
}

// Released by the browser itself whenever the page is hidden; refused where the battery is low, and by old browsers.
function keepScreenOn(): void {
  if (screenLock && !screenLock.released) return;
  navigator.wakeLock?.request("screen").then(
    (made) => {
      screenLock = made;
      if (!holders.size) made.release();
    },
    () => {},
  );
}
