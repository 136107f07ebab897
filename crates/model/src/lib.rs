//! The words of Denizen: ids, signed objects, envelope header, messages, receipts, catalogue.
