//! Embedded SQLite storage: all SQL of the product.
