// States of the library's rows, kept up to date while something is being made.
import { follow } from "./states.ts";

follow(() => [...document.querySelectorAll<HTMLElement>("li[data-asset-id]")]);
