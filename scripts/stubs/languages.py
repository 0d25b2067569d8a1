"""What protoc is asked for, language by language."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from scripts.stubs.plugins import CargoTool, GoTool, MavenJar, MavenProgram, NpmTool, OnPath, Plugin

PROTOS = ("amira/asr/v1/config.proto", "amira/asr/v1/result.proto", "amira/asr/v1/speech.proto")
GO_MODULE = "amira.internal/go"

_GO_PACKAGES = ",".join(
    [f"module={GO_MODULE}", *(f"M{proto}={GO_MODULE}/amira/asr/v1;asrv1" for proto in PROTOS)]
)
_DEBIAN = "apt-get install protobuf-compiler-grpc (or the gRPC package of your system)"
_PROTOC = MavenProgram("com.google.protobuf", "protoc", "4.33.5")
_GRPC_JAVA = MavenProgram("io.grpc", "protoc-gen-grpc-java", "1.83.1")
_GRPC_KOTLIN = MavenJar("io.grpc:protoc-gen-grpc-kotlin:1.5.0:jar:jdk8")


@dataclass(frozen=True)
class Output:
    """One of protoc's outputs, ``--NAME_out``."""

    plugin: Plugin | None = None
    """None: protoc has it built in."""
    options: str = ""


@dataclass(frozen=True)
class Language:
    """The outputs that together are a language's stubs."""

    outputs: Mapping[str, Output]
    protos: tuple[str, ...] = PROTOS
    protoc: Plugin | None = None
    """None: that of grpcio-tools, which is at hand, and has nothing built in but Python."""


LANGUAGES: Mapping[str, Language] = {
    "go": Language(
        {
            "go": Output(GoTool("protoc-gen-go"), _GO_PACKAGES),
            "go-grpc": Output(GoTool("protoc-gen-go-grpc"), _GO_PACKAGES),
        }
    ),
    "java": Language({"java": Output(), "grpc-java": Output(_GRPC_JAVA)}, protoc=_PROTOC),
    "kotlin": Language(
        {
            "java": Output(),
            "kotlin": Output(),
            "grpc-java": Output(_GRPC_JAVA),
            "grpc-kotlin": Output(_GRPC_KOTLIN),
        },
        protoc=_PROTOC,
    ),
    # C++ code fits only the version of protobuf that it was generated with: the system's own.
    "cpp": Language(
        {"cpp": Output(), "grpc-cpp": Output(OnPath("grpc_cpp_plugin", _DEBIAN))},
        protoc=OnPath("protoc", "apt-get install protobuf-compiler"),
    ),
    "csharp": Language(
        {
            "csharp": Output(),
            "grpc-csharp": Output(
                OnPath(
                    "grpc_csharp_plugin",
                    "it is in NuGet's Grpc.Tools, which generates while a project builds: "
                    '"dotnet add package Grpc.Tools", then <Protobuf Include="amira/asr/v1/*.proto" '
                    'ProtoRoot="PATH/TO/protos" GrpcServices="Client" /> in the project',
                ),
            ),
        },
        protoc=_PROTOC,
    ),
    "rust": Language(
        {
            "prost": Output(CargoTool("protoc-gen-prost", "0.5.0")),
            "tonic": Output(CargoTool("protoc-gen-tonic", "0.5.0"), "no_server=true"),
        }
    ),
    "ruby": Language(
        {"ruby": Output(), "grpc-ruby": Output(OnPath("grpc_ruby_plugin", _DEBIAN))}, protoc=_PROTOC
    ),
    "php": Language(
        {"php": Output(), "grpc-php": Output(OnPath("grpc_php_plugin", _DEBIAN))}, protoc=_PROTOC
    ),
    "swift": Language(
        {
            "swift": Output(OnPath("protoc-gen-swift", '"brew install swift-protobuf"'), "Visibility=Public"),
            "grpc-swift-2": Output(
                OnPath("protoc-gen-grpc-swift-2", '"brew install protoc-gen-grpc-swift"'),
                "Visibility=Public,Server=false",
            ),
        }
    ),
    "dart": Language(
        {"dart": Output(OnPath("protoc-gen-dart", '"dart pub global activate protoc_plugin"'), "grpc")},
        protos=(*PROTOS, "google/protobuf/duration.proto"),
    ),
    "objc": Language(
        {
            "objc": Output(),
            "grpc-objc": Output(
                OnPath(
                    "grpc_objective_c_plugin",
                    'it is in the CocoaPod "!ProtoCompiler-gRPCPlugin" and in "brew install grpc"',
                )
            ),
        },
        protoc=_PROTOC,
    ),
    "typescript": Language(
        {
            "ts_proto": Output(
                NpmTool("protoc-gen-ts_proto"), "outputServices=grpc-js,esModuleInterop=true,env=node"
            )
        }
    ),
}
