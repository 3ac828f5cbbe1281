// One transaction over all stores of a database of this browser, which is created where there is none yet.
export interface Database {
  name: string;
  stores: Record<string, string | string[]>; // each with its key path
}

type Work<T> = (transaction: IDBTransaction) => IDBRequest<T>;

// What the request of `work` gives, once the transaction is on disk. Rejects where the browser keeps nothing, and with
// QuotaExceededError where there is no room.
export async function transact<T>(of: Database, mode: IDBTransactionMode, work: Work<T>): Promise<T> {
  const database = await opened(of);
  try {
    const transaction = database.transaction(Object.keys(of.stores), mode, { durability: "strict" });
    const request = work(transaction);
    return await new Promise<T>((resolve, reject) => {
      transaction.oncomplete = () => resolve(request.result);
      transaction.onabort = () => reject(transaction.error);
    });
  } finally {
    database.close();
  }
}

function opened({ name, stores }: Database): Promise<IDBDatabase> {
  return new Promise((resolve, reject) => {
    const opening = indexedDB.open(name, 1);
    opening.onupgradeneeded = () => {
      for (const [store, keyPath] of Object.entries(stores)) opening.result.createObjectStore(store, { keyPath });
    };
    opening.onsuccess = () => resolve(opening.result);
    opening.onerror = () => reject(opening.error);
  });
}
