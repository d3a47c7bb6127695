//! Opening the WebSocket: an HTTP upgrade by the node's ordinary client, so that TLS, name lookup and credential are the same everywhere.

use lp_protocol::frames::MAX_MESSAGE_BYTES;
use reqwest::{Method, StatusCode, Upgraded, header};
use tokio_tungstenite::WebSocketStream;
use tokio_tungstenite::tungstenite::handshake::client::generate_key;
use tokio_tungstenite::tungstenite::handshake::derive_accept_key;
use tokio_tungstenite::tungstenite::protocol::{Role, WebSocketConfig};

use super::Error;
use crate::http::Manager;

/// 16 KiB: frames are small, and the default of 128 KiB would be a good part of an idle node's memory.
const BUFFER_BYTES: usize = 16 << 10;

pub(super) type Socket = WebSocketStream<Upgraded>;

/// Connects to the manager.
pub(super) async fn connect(manager: &Manager) -> Result<Socket, Error> {
    let key = generate_key();
    let request = manager
        .request(Method::GET, &["node", "v1", "link"])
        .header(header::CONNECTION, "upgrade")
        .header(header::UPGRADE, "websocket")
        .header(header::SEC_WEBSOCKET_VERSION, "13")
        .header(header::SEC_WEBSOCKET_KEY, &key);
    let response = tokio::time::timeout(crate::http::READ_TIMEOUT, manager.send(request)).await;
    let response = response.map_err(|_| Error::Silent)?.map_err(Error::from)?;
    let accepted = response.headers().get(header::SEC_WEBSOCKET_ACCEPT).map(header::HeaderValue::as_bytes);
    if response.status() != StatusCode::SWITCHING_PROTOCOLS
        || accepted != Some(derive_accept_key(key.as_bytes()).as_bytes())
    {
        return Err(Error::NotAManager);
    }
    let stream = response.upgrade().await.map_err(|source| Error::Upgrade { source })?;
    let config = WebSocketConfig::default()
        .read_buffer_size(BUFFER_BYTES)
        .write_buffer_size(BUFFER_BYTES)
        .max_message_size(Some(MAX_MESSAGE_BYTES))
        .max_frame_size(Some(MAX_MESSAGE_BYTES));
    Ok(WebSocketStream::from_raw_socket(stream, Role::Client, Some(config)).await)
}
