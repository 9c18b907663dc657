import createClient from "openapi-fetch";
import type { paths } from "./service.js";

const client = createClient<paths>({ baseUrl: "http://127.0.0.1:8000" });

// @ts-expect-error: n is a number
export const wrongType = client.POST("/sample", { body: { n: "3" } });
// @ts-expect-error: there are three cases
export const wrongValue = client.GET("/top", { params: { query: { case: "small" } } });
// @ts-expect-error: names are required
export const missing = client.POST("/loss", { body: {} });
