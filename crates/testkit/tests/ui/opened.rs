//! Only opening makes an opened message.

use denizen_holder::Opened;
use denizen_model::message::Message;

fn swap(opened: Opened, message: Message) -> (Message, Opened) {
    (message, opened)
}

fn main() {
    let _ = swap;
}
