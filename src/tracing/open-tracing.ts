import { noTracing, type Tracing } from './tracing.ts'

type Settings = {
  otlpEndpoint: URL | undefined
  otlpTracesEndpoint: URL | undefined
  otlpProtocol: 'http/protobuf' | 'http/json'
  otelTracesExporter: 'otlp' | 'none'
  otelDisabled: boolean
  otelServiceName: string | undefined
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
  const { startOpenTelemetry } = await import('./open-telemetry.ts')
  return startOpenTelemetry({ url, protocol: settings.otlpProtocol, service: settings.otelServiceName, warn })
}
