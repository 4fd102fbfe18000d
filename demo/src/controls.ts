/**
 * The page's controls: they write into the settings and say what kind of change it was. Decides no
 * more than which control belongs to which setting.
 */
import { byId, setText } from "./dom.js";
import { type Fault, setFault } from "./origin.js";
import type { Settings } from "./settings.js";
import { checkStream } from "./stream.js";
import { seconds } from "./words.js";

/** What a change asks of the page. */
export interface ControlListener {
  /** A setting that may change while playing. */
  onSettings(): void;
  /** More or fewer players. */
  onViewers(): void;
  /** Another stream. */
  onStream(): void;
  /** The CDN took the order to fail, or to work again. */
  onFault(kind: Fault): void;
  /** The table of flows was opened or closed. */
  onTable(): void;
}

/** What the page may ask of the controls. */
export interface Controls {
  /** Shows how the CDN fails now. */
  showFault(kind: Fault): void;
  /** Whether the stream is served by our own origin, which can be told to fail. */
  originIs(ours: boolean): void;
}

/** Binds all controls. */
export function bindControls(settings: Settings, listener: ControlListener): Controls {
  bindStream(settings, listener);
  bindViewers(settings, listener);
  bindSliders(settings, listener);
  bindUpload(settings, listener);
  bindTable(listener);
  return bindFault(listener);
}

function bindStream(settings: Settings, listener: ControlListener): void {
  const form = byId("own", HTMLFormElement);
  const address = byId("own-url", HTMLInputElement);
  const result = byId("own-result", HTMLElement);
  const chosen = settings.src ? "own" : settings.sample;
  for (const radio of document.querySelectorAll<HTMLInputElement>("#streams input")) {
    radio.checked = radio.value === chosen;
    radio.addEventListener("change", () => {
      form.hidden = radio.value !== "own";
      if (radio.value === "own") return;
      settings.src = "";
      settings.sample = radio.value === "live" ? "live" : "vod";
      listener.onStream();
    });
  }
  form.hidden = chosen !== "own";
  address.value = settings.src;
  form.addEventListener("submit", (event) => {
    event.preventDefault();
    setText(result, "Looking …");
    void checkStream(address.value).then((verdict) => {
      const problem = "problem" in verdict;
      address.setAttribute("aria-invalid", String(problem));
      result.classList.toggle("bad", problem);
      setText(result, problem ? verdict.problem : "Playing it.");
      if (problem) return;
      settings.src = verdict.url;
      listener.onStream();
    });
  });
}

function bindViewers(settings: Settings, listener: ControlListener): void {
  const four = byId("four", HTMLButtonElement);
  const show = (): void => {
    const wall = settings.viewers > 1;
    four.setAttribute("aria-pressed", String(wall));
  };
  four.addEventListener("click", () => {
    settings.viewers = settings.viewers > 1 ? 1 : 4;
    show();
    listener.onViewers();
  });
  show();
}

function bindSliders(settings: Settings, listener: ControlListener): void {
  const slide = (id: string, start: number, word: (n: number) => string, set: (n: number) => void) => {
    const slider = byId(id, HTMLInputElement);
    const output = byId(`${id}-value`, HTMLOutputElement);
    const show = (): void => {
      setText(output, word(slider.valueAsNumber));
      slider.setAttribute("aria-valuetext", word(slider.valueAsNumber));
    };
    slider.valueAsNumber = start;
    slider.addEventListener("input", show);
    slider.addEventListener("change", () => {
      set(slider.valueAsNumber);
      listener.onSettings();
    });
    show();
  };
  slide("max-peers", settings.maxPeers, String, (value) => (settings.maxPeers = value));
  slide("delay", settings.cdnFallbackDelay, seconds, (value) => (settings.cdnFallbackDelay = value));
}

function bindUpload(settings: Settings, listener: ControlListener): void {
  const upload = byId("upload", HTMLInputElement);
  const limit = byId("upload-limit", HTMLInputElement);
  const apply = (): void => {
    limit.disabled = !upload.checked;
    const kilobytes = limit.valueAsNumber;
    const limited = Number.isFinite(kilobytes) && kilobytes >= 0;
    settings.uploadLimit = !upload.checked ? 0 : limited ? Math.round(kilobytes * 1000) : null;
    listener.onSettings();
  };
  upload.addEventListener("change", apply);
  limit.addEventListener("change", apply);
}

function bindTable(listener: ControlListener): void {
  const toggle = byId("picture-toggle", HTMLButtonElement);
  const flows = byId("flows", HTMLElement);
  const picture = byId("picture", HTMLElement);
  toggle.addEventListener("click", () => {
    flows.hidden = !flows.hidden;
    picture.hidden = !flows.hidden;
    toggle.setAttribute("aria-pressed", String(picture.hidden));
    listener.onTable();
  });
}

function bindFault(listener: ControlListener): Controls {
  const button = byId("fault", HTMLButtonElement);
  const kind = byId("fault-kind", HTMLSelectElement);
  const text = byId("fault-text", HTMLElement);
  const usual = text.textContent ?? "";
  let broken = false;
  let available = true;
  const order = async (next: Fault): Promise<void> => {
    if (await setFault(next)) listener.onFault(next);
  };
  button.addEventListener("click", () => void order(broken ? "none" : (kind.value as Fault)));
  kind.addEventListener("change", () => {
    if (broken) void order(kind.value as Fault);
  });
  return {
    showFault: (now) => {
      broken = now !== "none";
      if (broken && document.activeElement !== kind) kind.value = now;
      button.classList.toggle("on", broken);
      setText(button, broken ? "Repair the CDN" : "Break the CDN");
    },
    originIs: (ours) => {
      if (ours === available) return;
      available = ours;
      button.disabled = kind.disabled = !ours;
      setText(text, ours ? usual : "Only the server of the samples can be told to fail.");
    },
  };
}
