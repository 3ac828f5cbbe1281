// What of the recorder is shown: the stage it is at, what it tells, what is wrong, and a question.
import type { Texts } from "../pages/texts.ts";

export type Stage = "choosing" | "ready" | "recording" | "paused";

const ACTS: Record<Stage, string[]> = {
  choosing: [],
  ready: ["record", "back"],
  recording: ["pause", "stop", "discard"],
  paused: ["resume", "stop", "discard"],
};
const MARKS: Partial<Record<Stage, string>> = { recording: "●", paused: "❚❚" };

export class Panel {
  stage: Stage = "choosing";
  #title = document.title;

  constructor(
    private readonly root: HTMLElement,
    private readonly texts: Texts,
  ) {}

  part<Type extends HTMLElement>(selector: string): Type {
    return this.root.querySelector<Type>(selector)!;
  }

  // The title of the tab says as well that it records: it is seldom in front while a screen is recorded.
  enter(stage: Stage): void {
    this.stage = this.root.dataset.stage = stage;
    const mark = MARKS[stage];
    this.part(".kinds").hidden = stage !== "choosing";
    this.part(".live").hidden = stage === "choosing";
    this.part(".told").hidden = !mark;
    this.part(".devices").hidden = stage !== "ready";
    for (const button of this.root.querySelectorAll<HTMLElement>(".live [data-act]"))
      button.hidden = !ACTS[stage].includes(button.dataset.act!);
    const now = mark ? this.texts.text(`record.now_${stage}`) : "";
    this.part(".now").textContent = now;
    document.title = mark ? `${mark} ${now} · ${this.#title}` : this.#title;
  }

  // Where the keyboard goes on: with the button that comes next.
  focus(): void {
    this.part(this.stage === "choosing" ? "[data-kind]:not([hidden])" : ".live [data-act]:not([hidden])")?.focus();
  }

  tell(key: string | null): void {
    this.part(".words").textContent = key === null ? "" : this.texts.text(key);
  }

  // Until it is called with null.
  refuse(key: string | null, values: Record<string, string> = {}): void {
    const problem = this.part(".problem");
    const words = key === null ? "" : this.texts.text(key, values);
    problem.hidden = key === null;
    if (problem.textContent !== words) problem.textContent = words;
    if (key !== null) this.tell(null);
  }

  // Esc is a no.
  ask(question: string, yes: string): Promise<boolean> {
    const dialog = this.part<HTMLDialogElement>("dialog");
    dialog.querySelector("p")!.textContent = this.texts.text(question);
    dialog.querySelector("[value=yes]")!.textContent = this.texts.text(yes);
    dialog.returnValue = "";
    dialog.showModal();
    return new Promise((answer) =>
      dialog.addEventListener("close", () => answer(dialog.returnValue === "yes"), { once: true }),
    );
  }
}
