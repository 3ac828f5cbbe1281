// A file with captions: its text goes into the field of the form, which sends it.
export function readCaptionsFile(): void {
  const chosen = document.querySelector<HTMLElement>("[data-captions-file]");
  const input = chosen?.querySelector<HTMLInputElement>("input");
  const field = chosen?.closest("form")?.querySelector<HTMLTextAreaElement>("textarea[name=text]");
  if (!chosen || !input || !field) return;
  chosen.hidden = false;
  input.addEventListener("change", async () => {
    const file = input.files?.[0];
    if (file) field.value = textOf(await file.arrayBuffer());
  });
}

// Old files are not in UTF-8: Cyrillic ones are taken for Windows-1251, all others for Windows-1252.
export function textOf(bytes: ArrayBuffer): string {
  try {
    return new TextDecoder("utf-8", { fatal: true }).decode(bytes);
  } catch {
    const letters = [...new Uint8Array(bytes)].filter((byte) => byte >= 0xc0).length;
    const others = [...new Uint8Array(bytes)].filter((byte) => (byte | 0x20) >= 0x61 && (byte | 0x20) <= 0x7a).length;
    return new TextDecoder(letters > others ? "windows-1251" : "windows-1252").decode(bytes);
  }
}
