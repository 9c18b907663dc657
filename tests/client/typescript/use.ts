import createClient from "openapi-fetch";
import type { paths } from "./service.js";

const client = createClient<paths>({ baseUrl: "http://127.0.0.1:8000" });

export async function use(): Promise<string> {
  const sample = await client.POST("/sample", { body: { n: 3, seed: 42, suffix: "lyn" } });
  if (sample.error) return `${sample.error.type}: ${sample.error.detail} (${sample.error.request_id})`;
  if (typeof sample.data === "string") return sample.data; // another form than JSON, which was not asked for
  const names: string[] = sample.data.names;
  const digest: string = sample.data.model.digest;
  const probability: number | null = sample.data.probability;

  const loss = await client.POST("/loss", { body: { names } });
  const first: number | null | undefined = loss.data?.names[0]?.log_prob;

  const next = await client.GET("/next", { params: { query: { context: "emm" } } });
  const chars: string[] | undefined = next.data?.next.map((each) => each.char);

  const top = await client.GET("/top", { params: { query: { k: 3, prefix: "ka", novel: true } } });
  const model = await client.GET("/models/{name}", { params: { path: { name: "us-names" } } });
  const blockSize: number | undefined = model.data?.block_size;
  return [digest, probability, first, chars, top.data?.names[0]?.name, blockSize].join();
}
