// The page on which somebody corrects captions.
import { CaptionsEditor } from "../captions/editor.ts";

customElements.define("kadr-captions", CaptionsEditor);
