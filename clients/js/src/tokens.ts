// Tokens: what one viewer plays with, and what one page uploads with.
import type { Api } from "./api.ts";
import type { NewToken, NewUploadToken, Token, UploadTokenShape as UploadToken } from "./openapi.ts";

export class PlaybackTokens {
  constructor(private readonly api: Api) {}

  /** Sign a token for one viewer of a playback id (pb_...), with the title's URLs: anew for each page that is shown. */
  async create(playbackId: string, body: NewToken = {}): Promise<Token> {
    const path = `/v1/playback_ids/${encodeURIComponent(playbackId)}/token`;
    return this.api.data<Token>("POST", path, { body });
  }
}

export class UploadTokens {
  constructor(private readonly api: Api) {}

  /** A token with which one page, without the API key, sends one file. */
  async create(body: NewUploadToken = {}): Promise<UploadToken> {
    return this.api.data<UploadToken>("POST", "/v1/upload_tokens", { body });
  }
}
