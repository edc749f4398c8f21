//! JSON-Schema-Test-Suite.
