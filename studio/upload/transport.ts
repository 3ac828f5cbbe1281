// One request. By XMLHttpRequest, because fetch does not tell how much of a body has been sent.
export interface Answer {
  status: number; // 0: there was no answer
  text: string;
  retry_after: string | undefined;
}

export interface Exchange {
  answer: Promise<Answer>; // never rejects
  abort(): void;
}

export interface Request {
  headers?: Record<string, string>;
  body?: XMLHttpRequestBodyInit;
  timeout_ms?: number;
  moved?(bytes: number): void;
}

// A browser that aborts by itself, as Safari does, is a network that was lost: only the caller knows what it has aborted.
export function exchange(method: string, url: string, { headers, body, timeout_ms, moved }: Request): Exchange {
  const xhr = new XMLHttpRequest();
  const answer = new Promise<Answer>((resolve) => {
    xhr.onloadend = () =>
      resolve({
        status: xhr.status,
        text: xhr.responseText,
        // Asked for by its name it would be an error in the console where the server does not let pages read it.
        retry_after: /^retry-after: *(.+?)\s*$/im.exec(xhr.getAllResponseHeaders())?.[1],
      });
  });
  if (moved) xhr.upload.onprogress = ({ loaded }) => moved(loaded);
  xhr.open(method, url);
  xhr.timeout = timeout_ms ?? 0;
  for (const [name, value] of Object.entries(headers ?? {})) xhr.setRequestHeader(name, value);
  xhr.send(body);
  return { answer, abort: () => xhr.abort() };
}
