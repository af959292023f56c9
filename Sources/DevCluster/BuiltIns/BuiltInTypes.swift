/// The built-in kinds' fields, in the notation of ``TypeLanguage``. Parts that neither this server nor Levee reads are `any`: kept, not checked.
enum BuiltInTypes {
    static let all = TypeLanguage([meta, core, pods, volumes, batch, coordination, events, extensions, authorization].joined(separator: "\n"))

    private static let meta = """
        ObjectMeta
          annotations map<string>
          creationTimestamp time
          deletionGracePeriodSeconds long
          deletionTimestamp time
          finalizers string[set]
          generateName string
          generation long
          labels map<string>
          managedFields any[]
          name string
          namespace string
          ownerReferences OwnerReference[uid]
          resourceVersion string
          selfLink string
          uid string
        OwnerReference
          apiVersion! string
          blockOwnerDeletion bool
          controller bool
          kind! string
          name! string
          uid! string
        LabelSelector
          matchExpressions LabelSelectorRequirement[]
          matchLabels map<string>
        LabelSelectorRequirement
          key! string
          operator! In|NotIn|Exists|DoesNotExist
          values string[]
        Condition
          lastProbeTime time
          lastTransitionTime time
          message string
          observedGeneration long
          reason string
          status! string
          type! string
        LocalObjectReference
          name string
        ObjectReference
          apiVersion string
          fieldPath string
          kind string
          name string
          namespace string
          resourceVersion string
          uid string
        """

    private static let core = """
        Namespace
          apiVersion string
          kind string
          metadata ObjectMeta
          spec NamespaceSpec
          status NamespaceStatus
        NamespaceSpec
          finalizers string[]
        NamespaceStatus
          conditions Condition[type]
          phase string
        Secret
          apiVersion string
          data map<bytes>
          immutable bool
          kind string
          metadata ObjectMeta
          stringData map<string>
          type string = "Opaque"
        ConfigMap
          apiVersion string
          binaryData map<bytes>
          data map<string>
          immutable bool
          kind string
          metadata ObjectMeta
        ServiceAccount
          apiVersion string
          automountServiceAccountToken bool
          imagePullSecrets LocalObjectReference[~name]
          kind string
          metadata ObjectMeta
          secrets ObjectReference[~name]
        PersistentVolumeClaim
          apiVersion string
          kind string
          metadata ObjectMeta
          spec PersistentVolumeClaimSpec
          status PersistentVolumeClaimStatus
        PersistentVolumeClaimSpec
          accessModes string[]
          dataSource any
          dataSourceRef any
          resources VolumeResources
          selector LabelSelector@
          storageClassName string
          volumeAttributesClassName string
          volumeMode string = "Filesystem"
          volumeName string
        VolumeResources
          limits map<quantity>
          requests map<quantity>
        PersistentVolumeClaimStatus
          accessModes string[]
          capacity map<quantity>
          conditions Condition[type]
          phase string
        """

    private static let pods = """
        Pod
          apiVersion string
          kind string
          metadata ObjectMeta
          spec PodSpec
          status PodStatus
        PodTemplateSpec
          metadata ObjectMeta
          spec PodSpec
        PodSpec
          activeDeadlineSeconds long
          affinity any
          automountServiceAccountToken bool
          containers! Container[name]
          dnsConfig any
          dnsPolicy string = "ClusterFirst"
          enableServiceLinks bool
          ephemeralContainers any[~name]
          hostAliases any[~ip]
          hostIPC bool
          hostNetwork bool
          hostPID bool
          hostUsers bool
          hostname string
          imagePullSecrets LocalObjectReference[name]
          initContainers Container[name]
          nodeName string
          nodeSelector map<string>
          os any
          overhead map<quantity>
          preemptionPolicy string
          priority int
          priorityClassName string
          readinessGates any[]
          resourceClaims any[~name]
          restartPolicy Always|OnFailure|Never = "Always"
          runtimeClassName string
          schedulerName string = "default-scheduler"
          schedulingGates any[~name]
          securityContext any = {}
          serviceAccount string
          serviceAccountName string
          setHostnameAsFQDN bool
          shareProcessNamespace bool
          subdomain string
          terminationGracePeriodSeconds long = 30
          tolerations any[]
          topologySpreadConstraints any[]
          volumes Volume[name]
        Container
          args string[]
          command string[]
          env EnvVar[name]
          envFrom EnvFromSource[]
          image string
          imagePullPolicy Always|IfNotPresent|Never
          lifecycle any
          livenessProbe any
          name! string
          ports ContainerPort[containerPort,protocol]
          readinessProbe any
          resizePolicy any[]
          resources ResourceRequirements = {}
          restartPolicy string
          securityContext any
          startupProbe any
          stdin bool
          stdinOnce bool
          terminationMessagePath string = "/dev/termination-log"
          terminationMessagePolicy File|FallbackToLogsOnError = "File"
          tty bool
          volumeDevices any[~devicePath]
          volumeMounts VolumeMount[mountPath]
          workingDir string
        EnvVar
          name! string
          value string
          valueFrom EnvVarSource
        EnvVarSource
          configMapKeyRef KeySelector
          fieldRef FieldReference
          resourceFieldRef any
          secretKeyRef KeySelector
        KeySelector
          key! string
          name string
          optional bool
        FieldReference
          apiVersion string = "v1"
          fieldPath! string
        EnvFromSource
          configMapRef OptionalReference
          prefix string
          secretRef OptionalReference
        OptionalReference
          name string
          optional bool
        ContainerPort
          containerPort! int
          hostIP string
          hostPort int
          name string
          protocol string = "TCP"
        ResourceRequirements
          claims any[]
          limits map<quantity>
          requests map<quantity>
        VolumeMount
          mountPath! string
          mountPropagation string
          name! string
          readOnly bool
          recursiveReadOnly string
          subPath string
          subPathExpr string
        PodStatus
          conditions Condition[type]
          containerStatuses ContainerStatus[]
          ephemeralContainerStatuses any[]
          hostIP string
          hostIPs any[]
          initContainerStatuses ContainerStatus[]
          message string
          nominatedNodeName string
          observedGeneration long
          phase string
          podIP string
          podIPs any[]
          qosClass string
          reason string
          startTime time
        ContainerStatus
          containerID string
          image! string
          imageID! string
          lastState ContainerState
          name! string
          ready! bool
          resources any
          restartCount! int
          started bool
          state ContainerState
          volumeMounts any[]
        ContainerState
          running ContainerStateRunning
          terminated ContainerStateTerminated
          waiting ContainerStateWaiting
        ContainerStateRunning
          startedAt time
        ContainerStateTerminated
          containerID string
          exitCode! int
          finishedAt time
          message string
          reason string
          signal int
          startedAt time
        ContainerStateWaiting
          message string
          reason string
        """

    private static let volumes = """
        Volume
          awsElasticBlockStore any
          azureDisk any
          azureFile any
          configMap ConfigMapVolumeSource
          csi any
          downwardAPI DownwardAPIVolumeSource
          emptyDir EmptyDirVolumeSource
          ephemeral any
          hostPath HostPathVolumeSource
          image any
          name! string
          nfs any
          persistentVolumeClaim PersistentVolumeClaimVolumeSource
          projected ProjectedVolumeSource
          secret SecretVolumeSource
        KeyToPath
          key! string
          mode int
          path! string
        ConfigMapVolumeSource
          defaultMode int = 420
          items KeyToPath[]
          name string
          optional bool
        SecretVolumeSource
          defaultMode int = 420
          items KeyToPath[]
          optional bool
          secretName string
        EmptyDirVolumeSource
          medium string
          sizeLimit quantity
        HostPathVolumeSource
          path! string
          type string
        PersistentVolumeClaimVolumeSource
          claimName! string
          readOnly bool
        DownwardAPIVolumeSource
          defaultMode int = 420
          items DownwardAPIVolumeFile[]
        DownwardAPIVolumeFile
          fieldRef FieldReference
          mode int
          path! string
          resourceFieldRef any
        ProjectedVolumeSource
          defaultMode int = 420
          sources VolumeProjection[]
        VolumeProjection
          clusterTrustBundle any
          configMap ConfigMapVolumeSource
          downwardAPI DownwardAPIVolumeSource
          secret SecretProjection
          serviceAccountToken any
        SecretProjection
          items KeyToPath[]
          name string
          optional bool
        """

    private static let batch = """
        Job
          apiVersion string
          kind string
          metadata ObjectMeta
          spec JobSpec
          status JobStatus
        JobSpec
          activeDeadlineSeconds long
          backoffLimit int
          backoffLimitPerIndex int
          completionMode NonIndexed|Indexed = "NonIndexed"
          completions int
          managedBy string
          manualSelector bool
          maxFailedIndexes int
          parallelism int
          podFailurePolicy PodFailurePolicy
          podReplacementPolicy TerminatingOrFailed|Failed
          selector LabelSelector@
          successPolicy any
          suspend bool = false
          template! PodTemplateSpec
          ttlSecondsAfterFinished int
        PodFailurePolicy
          rules! PodFailurePolicyRule[]
        PodFailurePolicyRule
          action! FailJob|FailIndex|Ignore|Count
          onExitCodes ExitCodesRequirement
          onPodConditions PodConditionPattern[]
        ExitCodesRequirement
          containerName string
          operator! In|NotIn
          values! int[]
        PodConditionPattern
          status! string = "True"
          type! string
        JobStatus
          active int
          completedIndexes string
          completionTime time
          conditions Condition[~type]
          failed int
          failedIndexes string
          ready int
          startTime time
          succeeded int
          terminating int
          uncountedTerminatedPods any
        """

    private static let coordination = """
        Lease
          apiVersion string
          kind string
          metadata ObjectMeta
          spec LeaseSpec
        LeaseSpec
          acquireTime microtime
          holderIdentity string
          leaseDurationSeconds int
          leaseTransitions int
          preferredHolder string
          renewTime microtime
          strategy string
        """

    private static let events = """
        Event
          action string
          apiVersion string
          count int
          eventTime microtime
          firstTimestamp time
          involvedObject ObjectReference@
          kind string
          lastTimestamp time
          message string
          metadata ObjectMeta
          reason string
          related ObjectReference@
          reportingComponent string
          reportingInstance string
          series EventSeries
          source EventSource
          type string
        EventSource
          component string
          host string
        EventSeries
          count int
          lastObservedTime microtime
        RegardingEvent
          action string
          apiVersion string
          deprecatedCount int
          deprecatedFirstTimestamp time
          deprecatedLastTimestamp time
          deprecatedSource EventSource
          eventTime microtime
          kind string
          metadata ObjectMeta
          note string
          reason string
          regarding ObjectReference@
          related ObjectReference@
          reportingController string
          reportingInstance string
          series EventSeries
          type string
        """

    private static let extensions = """
        CustomResourceDefinition
          apiVersion string
          kind string
          metadata ObjectMeta
          spec! CustomResourceDefinitionSpec
          status CustomResourceDefinitionStatus
        CustomResourceDefinitionSpec
          conversion CustomResourceConversion
          group! string
          names! CustomResourceDefinitionNames
          preserveUnknownFields bool
          scope! Cluster|Namespaced
          versions! CustomResourceDefinitionVersion[]
        CustomResourceConversion
          strategy! string = "None"
          webhook any
        CustomResourceDefinitionNames
          categories string[]
          kind! string
          listKind string
          plural! string
          shortNames string[]
          singular string
        CustomResourceDefinitionVersion
          additionalPrinterColumns CustomResourceColumnDefinition[]
          deprecated bool
          deprecationWarning string
          name! string
          schema CustomResourceValidation
          selectableFields SelectableField[]
          served! bool
          storage! bool
          subresources CustomResourceSubresources
        CustomResourceColumnDefinition
          description string
          format string
          jsonPath! string
          name! string
          priority int
          type! string
        CustomResourceValidation
          openAPIV3Schema any
        SelectableField
          jsonPath! string
        CustomResourceSubresources
          scale any
          status any
        CustomResourceDefinitionStatus
          acceptedNames CustomResourceDefinitionNames
          conditions Condition[type]
          storedVersions string[]
        """

    private static let authorization = """
        SelfSubjectAccessReview
          apiVersion string
          kind string
          metadata ObjectMeta
          spec! any
          status any
        SelfSubjectRulesReview
          apiVersion string
          kind string
          metadata ObjectMeta
          spec! any
          status any
        """
}
