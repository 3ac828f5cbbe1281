// Buttons that copy the text of the field beside them; browsers let pages do that on HTTPS and on this machine.
export function offerCopying(): void {
  const told = document.querySelector<HTMLElement>("#copied");
  if (!navigator.clipboard) return;
  for (const button of document.querySelectorAll<HTMLButtonElement>("[data-copy]")) {
    const field = button.parentElement!.querySelector<HTMLInputElement | HTMLTextAreaElement>("input, textarea")!;
    button.hidden = false;
    button.addEventListener("click", async () => {
      if (told) told.textContent = "";
      field.select(); // where the browser refuses, what is selected can be copied by keyboard
      await navigator.clipboard.writeText(field.value).then(
        () => told && (told.textContent = told.dataset.words ?? ""),
        () => {},
      );
    });
  }
}
