//! A page on this machine that shows one record from its rows to its JSON, and follows what is edited.
//!
//! What the page shows is data ([`view`]), drawn by templates ([`page`]) that escape everything. The server ([`server`]) knows
//! nothing of recordings: it is given a function that looks whether anything changed, and draws what that returns. Who may ask
//! is decided in [`access`].

pub mod view;
pub mod page;
pub mod access;
pub mod server;
