// node examples/transcribe.mjs HOST:PORT[,HOST:PORT] FILE|- [REAL_TIME_FACTOR]    (-: LINEAR16 at 16 kHz from standard input)
import { AmiraClient } from "amira-asr";

const [servers, source, factor] = process.argv.slice(2);
const client = new AmiraClient(servers, { apiKey: process.env.AMIRA_API_KEY });
try {
  if (source === "-") {
    const stream = client.stream({ encoding: "LINEAR16", sampleRateHz: 16000 });
    stream.on("final", ({ text }) => console.log(text));
    stream.on("reconnected", ({ target }) => console.error(`goes on at ${target}`));
    await stream.sendAll(process.stdin);
    await stream.end();
    await stream.done;
  } else {
    const { finals } = await client.transcribe(source, {}, factor ? { realTimeFactor: Number(factor) } : {});
    for (const { text } of finals) console.log(text);
  }
} catch (error) {
  console.error(`${error.name}: ${error.message} [${error.status ?? ""} ${error.reason ?? ""}]`);
  process.exitCode = 1;
} finally {
  await client.close();
}
