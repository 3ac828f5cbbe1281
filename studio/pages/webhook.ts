// Pages about webhooks: a secret to copy, forms that are sent once, and what is about to be answered.
import { offerCopying } from "./copying.ts";
import { renew } from "./states.ts";

const FIRST_MS = 1000;
const LONGEST_MS = 15_000;
const AGAIN_MS = 3000;

// The answer to a form has the form's address. Loaded again, it would send the form again.
const address = document.querySelector<HTMLElement>("[data-page]")?.dataset.page;
if (address && location.pathname !== address) history.replaceState(null, "", address);

// A double click would make two webhooks, or a secret that nobody sees, as only the last answer is shown.
const sent = new Set<EventTarget>();
document.addEventListener("submit", (event) => {
  const form = event.target!;
  if (sent.has(form)) event.preventDefault();
  sent.add(form);
  setTimeout(() => sent.delete(form), AGAIN_MS);
});

offerCopying();
for (const element of document.querySelectorAll<HTMLElement>("[data-live]")) follow(element, FIRST_MS);

// Show an element anew while something in it is awaited, less and less often; never under somebody who is in it.
function follow(element: HTMLElement, pauseMs: number): void {
  if (!element.querySelector("[data-awaited]")) return;
  setTimeout(async () => {
    const isFree = document.visibilityState === "visible" && !element.contains(document.activeElement);
    if (isFree) await renew(element, `#${element.id}`);
    follow(element, Math.min(1.5 * pauseMs, LONGEST_MS));
  }, pauseMs);
}
