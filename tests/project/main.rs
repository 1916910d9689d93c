//! The rules of ARCHITECTURE.md.

mod rooms;
