import { noTracing, PackagesMissing, type Tracing } from './tracing.ts'

type Settings = {
  otlpEndpoint: URL | undefined
  otlpTracesEndpoint: URL | undefined
  otlpProtocol: keyof typeof exporters
  otelTracesExporter: 'otlp' | 'none'
  otelDisabled: boolean
  otelServiceName: string | undefined
}

/** The packages with the versions that run on every Node of this release. */
const packages = [
  '@opentelemetry/api@1.9',
  '@opentelemetry/resources@2.12',
  '@opentelemetry/sdk-trace-node@2.12',
]
const exporters = {
  'http/protobuf': '@opentelemetry/exporter-trace-otlp-proto@0.223',
  'http/json': '@opentelemetry/exporter-trace-otlp-http@0.223',
}

/** Where spans go: the endpoint of traces as it is, or `v1/traces` below the common one. */
const urlOf = ({ otlpEndpoint: common, otlpTracesEndpoint: own }: Settings): string | undefined =>
  own?.href ?? (common && `${common.href.replace(/\/$/, '')}/v1/traces`)

/**
 * Off unless an endpoint is set. OpenTelemetry is loaded only then. `warn` is told, at most once a minute, why spans are lost.
 * @throws PackagesMissing
 */
export const openTracing = async (settings: Settings, warn: (because: string) => void): Promise<Tracing> => {
  const url = urlOf(settings)
  if (!url || settings.otelDisabled || settings.otelTracesExporter === 'none') return noTracing
  const { otlpProtocol: protocol, otelServiceName: service } = settings
  try {
    const { startOpenTelemetry } = await import('./open-telemetry.ts')
    return await startOpenTelemetry({ url, protocol, service, warn })
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ERR_MODULE_NOT_FOUND') throw error
    const missing = /'(@opentelemetry\/[\w-]+)/.exec(String(error))?.[1] ?? 'a package of OpenTelemetry'
    const line = [...packages, exporters[protocol]].join(' ')
    throw new PackagesMissing(
      `OTEL_EXPORTER_OTLP_ENDPOINT: traces need ${missing}, which is not installed. Type: npm install ${line}`,
    )
  }
}
