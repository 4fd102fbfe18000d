/**
 * The panel that asks a viewer why it gets what from where. It decides nothing: the words are the
 * package's own (`swarm.diagnose()`).
 */
import { copyText } from "./copy.js";
import { byId, setText } from "./dom.js";
import type { Viewer } from "./viewer.js";

/** Wires the panel; `first` is the viewer that is asked. */
export function bindDiagnosis(first: () => Viewer | undefined): void {
  const ask = byId("ask", HTMLButtonElement);
  const verdict = byId("verdict", HTMLElement);
  const report = byId("report", HTMLElement);
  const copy = byId("copy-report", HTMLButtonElement);
  const copied = byId("report-copied", HTMLElement);

  const show = async (): Promise<void> => {
    ask.disabled = true;
    setText(verdict, "Asking …");
    setText(copied, "");
    const found = await first()
      ?.diagnose()
      ?.catch(() => undefined);
    setText(verdict, found?.verdict ?? "No player here can say.");
    setText(report, found?.text ?? "");
    report.hidden = found === undefined;
    copy.hidden = found === undefined;
    ask.disabled = false;
  };
  ask.addEventListener("click", () => void show());
  copy.addEventListener("click", () => void copyText(report, copied));
}
