# The release workflow gives both images with their digests. Without arguments the newest ones are taken.
ARG BUILD_IMAGE=node:24-slim
ARG RUNTIME_IMAGE=gcr.io/distroless/nodejs24-debian13:nonroot

# Build: the compiler and everything it needs stay here.
FROM ${BUILD_IMAGE} AS build
WORKDIR /app
COPY package.json package-lock.json .npmrc ./
RUN npm ci --ignore-scripts
COPY tsconfig.json ./
COPY src ./src
COPY docs ./docs
RUN npm run build

# Production packages alone.
FROM ${BUILD_IMAGE} AS packages
WORKDIR /app
COPY package.json package-lock.json .npmrc ./
RUN npm ci --omit=dev --ignore-scripts

# Node and what it links to: no shell, no package manager. Commands below are arguments of node.
FROM ${RUNTIME_IMAGE}
ENV NODE_ENV=production HOST=0.0.0.0 PORT=8080
WORKDIR /app
COPY --from=packages /app/node_modules ./node_modules
# For traces. The lock file names their versions, as those of all packages.
COPY --from=build /app/node_modules/@opentelemetry ./node_modules/@opentelemetry
COPY --from=build /app/dist ./dist
COPY package.json LICENSE ./
USER 65532:65532
EXPOSE 8080
HEALTHCHECK --interval=10s --timeout=3s --start-period=10s --retries=3 \
  CMD ["/nodejs/bin/node", "-e", "fetch('http://127.0.0.1:' + process.env.PORT + '/livez').then(r => process.exit(r.ok ? 0 : 1), () => process.exit(1))"]
# Node is the first process, so SIGTERM reaches it: it drains and ends within 25 seconds.
STOPSIGNAL SIGTERM
ENTRYPOINT ["/nodejs/bin/node"]
CMD ["dist/main.js"]
