// How the glue's module is loaded, written at the glue's end by `cargo xtask build`: from an address, from bytes, or
// from a module that is compiled already. It is compiled as it comes where the server says what it is.
//
// Invariant: who asks again gets the same instance, and a failure may be tried again.

async function instanceOf(source, imports) {
  let bytes = source;
  if (typeof source === "string" || source instanceof URL) {
    const response = await fetch(source);
    if (!response.ok) throw new Error(`${response.url}: HTTP says ${response.status}`);
    if (response.headers.get("Content-Type") === "application/wasm") {
      return (await WebAssembly.instantiateStreaming(response, imports)).instance;
    }
    bytes = await response.arrayBuffer();
  }
  const made = await WebAssembly.instantiate(bytes, imports);
  return made.instance ?? made;
}

export default async function init({ module_or_path }) {
  if (wasm !== undefined) return wasm;
  const instance = await instanceOf(module_or_path, __wbg_get_imports());
  return wasm ?? __wbg_finalize_init(instance);
}
