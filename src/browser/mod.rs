//! The browser shell: carries out the engine's outputs with browser objects.
