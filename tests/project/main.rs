//! Rules about the source text: those of ARCHITECTURE.md, and where flags are named.

mod flags;
mod rooms;
mod sources;
