//! How bytes reach a hub.

/// Sends one request and gives the whole answer. Implemented over TLS in the binary, over `fetch`
/// in a browser, and in memory (with faults) in tests.
#[expect(
    async_fn_in_trait,
    reason = "futures of a browser are not Send, and no caller spawns them"
)]
pub trait Transport {
    /// Sends a request. Its URI is absolute.
    ///
    /// # Errors
    /// [`TransportError`] if no whole answer came; whether the hub acted is then unknown.
    async fn send(
        &self,
        request: http::Request<Vec<u8>>,
    ) -> Result<http::Response<Vec<u8>>, TransportError>;
}

impl<T: Transport> Transport for &T {
    async fn send(
        &self,
        request: http::Request<Vec<u8>>,
    ) -> Result<http::Response<Vec<u8>>, TransportError> {
        (**self).send(request).await
    }
}

impl<T: Transport> Transport for std::rc::Rc<T> {
    async fn send(
        &self,
        request: http::Request<Vec<u8>>,
    ) -> Result<http::Response<Vec<u8>>, TransportError> {
        (**self).send(request).await
    }
}

/// No whole answer came. The reason is a fixed word, since errors of HTTP libraries print URLs, and
/// URLs hold addresses.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum TransportError {
    /// No connection.
    #[error("no connection to the hub: check that it runs and that its URL is right")]
    Connect,
    /// The connection ended, or nothing came in time.
    #[error("the hub's answer did not arrive whole: try again")]
    Interrupted,
    /// The answer is larger than any that this version asks for.
    #[error("the hub's answer is larger than allowed")]
    TooLarge,
}
