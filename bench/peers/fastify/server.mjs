// fastify as a gateway: @fastify/jwt verifies the same EdDSA tokens as ours (signature, issuer, audience, expiry) and
// keeps what it has verified in its cache; no revocation and no rate limit. One process, no log.
import { readFileSync } from "node:fs";
import proxy from "@fastify/http-proxy";
import jwt from "@fastify/jwt";
import Fastify from "fastify";

const { PORT, UPSTREAM, ISSUER, AUDIENCE, PUBLIC_KEY } = process.env;
const app = Fastify({ logger: false });

await app.register(jwt, {
  secret: { public: readFileSync(PUBLIC_KEY) },
  verify: { algorithms: ["EdDSA"], allowedIss: ISSUER, allowedAud: AUDIENCE, cache: 10000 },
});
await app.register(proxy, {
  upstream: UPSTREAM,
  undici: { connections: 64, pipelining: 1 },
  preHandler: (request) => request.jwtVerify(),
});
await app.listen({ host: "127.0.0.1", port: Number(PORT) });
