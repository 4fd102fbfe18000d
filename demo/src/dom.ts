/** The page's elements. A missing one is a mistake in the page, so it is an error at once. */

/** The element with this id, of this class. */
export function byId<T extends Element>(id: string, kind: new () => T): T {
  const found = document.getElementById(id);
  if (found instanceof kind) return found;
  throw new Error(`the page has no ${kind.name} with the id "${id}"`);
}

/** A new element with a class and a text. */
export function element<K extends keyof HTMLElementTagNameMap>(
  name: K,
  className = "",
  text = "",
): HTMLElementTagNameMap[K] {
  const made = document.createElement(name);
  if (className) made.className = className;
  if (text) made.textContent = text;
  return made;
}

/** Sets a text only when it differs, so that live regions speak only of changes. */
export function setText(target: Element, text: string): void {
  if (target.textContent !== text) target.textContent = text;
}
