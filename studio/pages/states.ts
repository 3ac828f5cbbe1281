// Keeps the states of titles on a page as they are: one request for all of them, and only while something is being made.
const EVERY_MS = 3000;
const MOST_ALONE = 4;
const UNFINISHED = new Set(["waiting", "processing", "playable"]);

export interface Asset {
  id: string;
  status: string;
  progress: number;
  playback_ids: { id: string }[];
  error: { code: string; message: string } | null;
  steps: { kind: string; state: string }[];
  advice: { code: string; message: string; hint: string }[];
}

// Called for a row whose status has changed; true: it has shown that itself.
type Changed = (row: HTMLElement, asset: Asset) => boolean | void;
// Called at every look, until the pictures are there, too: what was seen in them comes last.
type Looked = (row: HTMLElement, asset: Asset) => void;

// `rows`: the elements with `data-asset-id` and `data-status`.
export function follow(rows: () => HTMLElement[], changed: Changed = () => {}, looked?: Looked): void {
  const look = async () => {
    const open = rows().filter(({ dataset }) => UNFINISHED.has(dataset.status ?? "") || "pictures" in dataset);
    if (open.length && document.visibilityState === "visible") {
      const assets = await read(open);
      for (const row of open) {
        const asset = assets.get(row.dataset.assetId ?? "");
        if (!asset) continue;
        show(row, asset, changed);
        if (!looked) continue;
        if (asset.steps.some(isComing)) row.dataset.pictures = "coming";
        else delete row.dataset.pictures;
        looked(row, asset);
      }
    }
    setTimeout(look, EVERY_MS);
  };
  setTimeout(look, EVERY_MS);
}

function isComing({ kind, state }: Asset["steps"][number]): boolean {
  return kind === "pictures" && (state === "queued" || state === "leased");
}

async function read(rows: HTMLElement[]): Promise<Map<string, Asset>> {
  const wanted = rows.map(({ dataset }) => dataset.assetId ?? "");
  const newest = wanted.length > 1 ? await ask("/v1/assets?limit=100") : [];
  const found = new Map(newest.map((asset) => [asset.id, asset]));
  // What is not among the newest, in another order of the library: a few at a time.
  const missing = wanted.filter((id) => !found.has(id)).slice(0, MOST_ALONE);
  for (const asset of (await Promise.all(missing.map((id) => ask(`/v1/assets/${id}`)))).flat()) found.set(asset.id, asset);
  return found;
}

async function ask(url: string): Promise<Asset[]> {
  try {
    const response = await fetch(url);
    const { data } = await response.json();
    return response.ok ? [data].flat() : [];
  } catch {
    return []; // the next look may succeed
  }
}

function show(row: HTMLElement, asset: Asset, changed: Changed): void {
  const percent = row.querySelector(".percent");
  if (percent) percent.textContent = String(Math.floor(asset.progress * 100));
  const bar = row.querySelector<HTMLProgressElement>(".making progress");
  if (bar) bar.value = asset.progress;
  if (row.dataset.status === asset.status) return;
  row.dataset.status = asset.status;
  if (!changed(row, asset)) refresh(row);
}

function refresh(row: HTMLElement): Promise<void> {
  return renew(row, `[data-asset-id="${CSS.escape(row.dataset.assetId ?? "")}"]`);
}

// What an element shows comes from the server, which has the words in every language.
export async function renew(element: Element, selector: string): Promise<void> {
  const response = await fetch(location.href).catch(() => null);
  if (!response?.ok) return;
  const fresh = new DOMParser().parseFromString(await response.text(), "text/html");
  const next = fresh.querySelector(selector);
  if (next) element.replaceChildren(...next.childNodes);
}
