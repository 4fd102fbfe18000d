// What esbuild's loader "binary" makes of a module's file.

declare module "*.wasm" {
  const bytes: Uint8Array<ArrayBuffer>;
  export default bytes;
}
