// Where files can be dropped or chosen: a label with a field for files in it.
export function takeFiles(zone: HTMLElement, take: (files: File[]) => void): void {
  const input = zone.querySelector<HTMLInputElement>("input[type=file]")!;
  input.addEventListener("change", () => {
    const files = [...(input.files ?? [])];
    input.value = ""; // so that the same file can be chosen again
    take(files);
  });
  takeDropped(zone, zone, take);
}

// A file dropped anywhere on `area`; `lit` shows that it would be taken.
export function takeDropped(area: EventTarget, lit: HTMLElement, take: (files: File[]) => void): void {
  const light = (event: Event, isOver: boolean) => {
    if (!bringsFiles(event)) return;
    event.preventDefault(); // else the browser leaves the page to show the file
    lit.classList.toggle("over", isOver);
  };
  for (const type of ["dragenter", "dragover"]) area.addEventListener(type, (event) => light(event, true));
  area.addEventListener("dragleave", (event) => light(event, false));
  area.addEventListener("drop", (event) => {
    if (!bringsFiles(event) || event.defaultPrevented) return;
    light(event, false);
    take([...event.dataTransfer!.files]);
  });
}

function bringsFiles(event: Event): event is DragEvent {
  return (event as DragEvent).dataTransfer?.types.includes("Files") ?? false;
}
