//! Streams a 16-bit mono WAV file to Amira and prints each final: transcribe HOST:PORT FILE.wav

mod wav;

use std::sync::atomic::{AtomicBool, Ordering::Relaxed};
use std::{env, error::Error, io, iter, process};

use pb::streaming_recognize_request::Request;
use pb::streaming_recognize_response::Response;
use tokio::{signal::ctrl_c, sync::mpsc, task};
use tokio_stream::wrappers::ReceiverStream;
use tonic::{Status, transport::Endpoint};
use wav::Wav;

mod pb {
    tonic::include_proto!("amira.asr.v1");
}

const PIECE_MS: u32 = 100;
static STOPPED: AtomicBool = AtomicBool::new(false);

/// Prints each final result of a file, which is sent as fast as the server takes it.
async fn transcribe(target: &str, path: &str) -> Result<(), Box<dyn Error>> {
    let wav = Wav::open(path, PIECE_MS).map_err(|error| format!("{path}: {error}"))?;
    let channel = Endpoint::new(format!("http://{target}"))?.connect_lazy();
    let mut client = pb::speech_client::SpeechClient::new(channel);
    let (requests, outbound) = mpsc::channel(8);
    let mut call = tonic::Request::new(ReceiverStream::new(outbound));
    if let Some(key) = env::var("AMIRA_API_KEY").ok().filter(|key| !key.is_empty()) {
        call.metadata_mut().insert("authorization", format!("Bearer {key}").parse()?);
    }
    let sending = task::spawn_blocking(move || send(wav, &requests));
    let mut responses = client.streaming_recognize(call).await?.into_inner();
    while let Some(message) = responses.message().await? {
        if let Some(Response::Result(result)) = message.response
            && result.is_final
        {
            println!("{}", result.alternatives[0].text);
        }
    }
    Ok(sending.await??)
}

/// The stream's messages: the config, then the audio. Letting `requests` go half-closes the call.
fn send(wav: Wav, requests: &mpsc::Sender<pb::StreamingRecognizeRequest>) -> io::Result<()> {
    let message = |request| pb::StreamingRecognizeRequest { request: Some(request), ..Default::default() };
    let mut config = pb::RecognitionConfig { sample_rate_hz: wav.sample_rate_hz, ..Default::default() };
    config.set_encoding(pb::AudioEncoding::Linear16);
    let mut sent = requests.blocking_send(message(Request::Config(config)));
    let mut offset = 0; // in samples: the server refuses gaps and overlaps
    for content in wav {
        if sent.is_err() || STOPPED.load(Relaxed) {
            break; // the call has ended, and `transcribe` knows why; or the user wants no more
        }
        let audio = pb::AudioChunk { content: content?, offset: Some(offset) };
        offset += audio.content.len() as i64 / 2;
        sent = requests.blocking_send(message(Request::Audio(audio)));
    }
    Ok(())
}

#[tokio::main]
async fn main() {
    let [_, target, path] = &env::args().collect::<Vec<_>>()[..] else {
        eprintln!("usage: transcribe HOST:PORT FILE.wav");
        process::exit(2);
    };
    task::spawn(async {
        let _ = ctrl_c().await; // the audio ends, and the last final comes
        STOPPED.store(true, Relaxed);
        let _ = ctrl_c().await;
        process::exit(130);
    });
    if let Err(error) = transcribe(target, path).await {
        eprintln!("{}", explain(&*error));
        process::exit(1);
    }
}

/// The status and its message, and what lies at the bottom of it: tonic wraps it several times.
fn explain(error: &(dyn Error + 'static)) -> String {
    let status = error.downcast_ref::<Status>();
    let what =
        status.map_or(error.to_string(), |status| format!("{:?}: {}", status.code(), status.message()));
    match iter::successors(error.source(), |&cause| cause.source()).last() {
        Some(root) => format!("{what}: {root}"),
        None => what,
    }
}
