import type { Api } from "./api.ts";

interface Page<Item> {
  data: Item[];
  next_cursor: string | null;
}

/** Everything that a listing has, a page at a time as it is read. */
export async function* pages<Item>(api: Api, path: string, query: object): AsyncGenerator<Item, void, undefined> {
  for (let cursor: string | null | undefined; cursor !== null; ) {
    const page: Page<Item> = await api.call("GET", path, { query: { ...query, cursor } });
    yield* page.data;
    cursor = page.next_cursor;
  }
}
