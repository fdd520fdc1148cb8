import { PackagesMissing } from './tracing.ts'

/** The packages with the versions that run on every Node of this release. */
const packages = {
  '@opentelemetry/api': '1.9',
  '@opentelemetry/resources': '2.12',
  '@opentelemetry/sdk-trace-node': '2.12',
  '@opentelemetry/exporter-trace-otlp-proto': '0.223',
  '@opentelemetry/exporter-trace-otlp-http': '0.223',
} as const

export type Protocol = 'http/protobuf' | 'http/json'

type Packages = {
  api: typeof import('@opentelemetry/api')
  resources: typeof import('@opentelemetry/resources')
  sdk: typeof import('@opentelemetry/sdk-trace-node')
  exporter: Pick<typeof import('@opentelemetry/exporter-trace-otlp-proto'), 'OTLPTraceExporter'>
}

/** @throws PackagesMissing */
export const loadOpenTelemetry = async (protocol: Protocol): Promise<Packages> => {
  const exporterName =
    protocol === 'http/json' ? ('exporter-trace-otlp-http' as const) : ('exporter-trace-otlp-proto' as const)
  try {
    const [api, resources, sdk, exporter] = await Promise.all([
      import('@opentelemetry/api'),
      import('@opentelemetry/resources'),
      import('@opentelemetry/sdk-trace-node'),
      protocol === 'http/json'
        ? import('@opentelemetry/exporter-trace-otlp-http')
        : import('@opentelemetry/exporter-trace-otlp-proto'),
    ])
    return { api, resources, sdk, exporter }
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ERR_MODULE_NOT_FOUND') throw error
    const missing = /'(@opentelemetry\/[\w-]+)/.exec(String(error))?.[1] ?? 'a package of OpenTelemetry'
    const wanted = Object.entries(packages).filter(
      ([name]) => !name.includes('exporter') || name.endsWith(exporterName),
    )
    const line = wanted.map(([name, range]) => `${name}@${range}`).join(' ')
    throw new PackagesMissing(
      `OTEL_EXPORTER_OTLP_ENDPOINT: traces need ${missing}, which is not installed. Type: npm install ${line}`,
    )
  }
}
