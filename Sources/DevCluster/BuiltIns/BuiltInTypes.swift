/// The built-in kinds' fields, in the notation of ``TypeLanguage``. Parts that neither this server nor Levee reads are `any`: kept, not checked.
enum BuiltInTypes {
    static let all = TypeLanguage([meta, core, pods, volumes, batch, coordination, events, extensions, authorization].joined(separator: "\n"))

    private static let meta = """
        ObjectMeta
          annotations#12 map<string>
          creationTimestamp#8 time
          deletionGracePeriodSeconds#10 long
          deletionTimestamp#9 time
          finalizers#14 string[set]
          generateName#2 string
          generation#7 long
          labels#11 map<string>
          managedFields#17 any[]
          name#1 string
          namespace#3 string
          ownerReferences#13 OwnerReference[uid]
          resourceVersion#6 string
          selfLink#4 string
          uid#5 string
        OwnerReference
          apiVersion!#5 string
          blockOwnerDeletion#7 bool
          controller#6 bool
          kind!#1 string
          name!#3 string
          uid!#4 string
        LabelSelector
          matchExpressions#2 LabelSelectorRequirement[]
          matchLabels#1 map<string>
        LabelSelectorRequirement
          key!#1 string
          operator!#2 In|NotIn|Exists|DoesNotExist
          values#3 string[]
        Condition
          lastProbeTime time
          lastTransitionTime time
          message string
          observedGeneration long
          reason string
          status! string
          type! string
        LocalObjectReference
          name#1 string
        ObjectReference
          apiVersion#5 string
          fieldPath#7 string
          kind#1 string
          name#3 string
          namespace#2 string
          resourceVersion#6 string
          uid#4 string
        """

    private static let core = """
        Namespace
          apiVersion string
          kind string
          metadata#1 ObjectMeta
          spec#2 NamespaceSpec
          status#3 NamespaceStatus
        NamespaceSpec
          finalizers#1 string[]
        NamespaceStatus
          conditions#2 Condition[type]
          phase#1 string
        Secret
          apiVersion string
          data#2 map<bytes>
          immutable#5 bool
          kind string
          metadata#1 ObjectMeta
          stringData#4 map<string>
          type#3 string = "Opaque"
        ConfigMap
          apiVersion string
          binaryData#3 map<bytes>
          data#2 map<string>
          immutable#4 bool
          kind string
          metadata#1 ObjectMeta
        ServiceAccount
          apiVersion string
          automountServiceAccountToken#4 bool
          imagePullSecrets#3 LocalObjectReference[~name]
          kind string
          metadata#1 ObjectMeta
          secrets#2 ObjectReference[~name]
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
          metadata#1 ObjectMeta
          spec#2 PodSpec
        PodSpec
          activeDeadlineSeconds#5 long
          affinity#18 any
          automountServiceAccountToken#21 bool
          containers!#2 Container[name]
          dnsConfig#26 any
          dnsPolicy#6 string = "ClusterFirst"
          enableServiceLinks#30 bool
          ephemeralContainers#34 any[~name]
          hostAliases#23 any[~ip]
          hostIPC#13 bool
          hostNetwork#11 bool
          hostPID#12 bool
          hostUsers#37 bool
          hostname#16 string
          imagePullSecrets#15 LocalObjectReference[name]
          initContainers#20 Container[name]
          nodeName#10 string
          nodeSelector#7 map<string>
          os#36 any
          overhead#32 map<quantity>
          preemptionPolicy#31 string
          priority#25 int
          priorityClassName#24 string
          readinessGates#28 any[]
          resourceClaims#39 any[~name]
          restartPolicy#3 Always|OnFailure|Never = "Always"
          runtimeClassName#29 string
          schedulerName#19 string = "default-scheduler"
          schedulingGates#38 any[~name]
          securityContext#14 any = {}
          serviceAccount#9 string
          serviceAccountName#8 string
          setHostnameAsFQDN#35 bool
          shareProcessNamespace#27 bool
          subdomain#17 string
          terminationGracePeriodSeconds#4 long = 30
          tolerations#22 any[]
          topologySpreadConstraints#33 any[]
          volumes#1 Volume[name]
        Container
          args#4 string[]
          command#3 string[]
          env#7 EnvVar[name]
          envFrom#19 EnvFromSource[]
          image#2 string
          imagePullPolicy#14 Always|IfNotPresent|Never
          lifecycle#12 any
          livenessProbe#10 any
          name!#1 string
          ports#6 ContainerPort[containerPort,protocol]
          readinessProbe#11 any
          resizePolicy#23 any[]
          resources#8 ResourceRequirements = {}
          restartPolicy#24 string
          securityContext#15 any
          startupProbe#22 any
          stdin#16 bool
          stdinOnce#17 bool
          terminationMessagePath#13 string = "/dev/termination-log"
          terminationMessagePolicy#20 File|FallbackToLogsOnError = "File"
          tty#18 bool
          volumeDevices#21 any[~devicePath]
          volumeMounts#9 VolumeMount[mountPath]
          workingDir#5 string
        EnvVar
          name!#1 string
          value#2 string
          valueFrom#3 EnvVarSource
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
          claims#3 any[]
          limits#1 map<quantity>
          requests#2 map<quantity>
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
          metadata#1 ObjectMeta
          spec#2 JobSpec
          status#3 JobStatus
        JobSpec
          activeDeadlineSeconds#3 long
          backoffLimit#7 int
          backoffLimitPerIndex#12 int
          completionMode#9 NonIndexed|Indexed = "NonIndexed"
          completions#2 int
          managedBy#15 string
          manualSelector#5 bool
          maxFailedIndexes#13 int
          parallelism#1 int
          podFailurePolicy#11 PodFailurePolicy
          podReplacementPolicy#14 TerminatingOrFailed|Failed
          selector#4 LabelSelector@
          successPolicy#16 any
          suspend#10 bool = false
          template!#6 PodTemplateSpec
          ttlSecondsAfterFinished#8 int
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
          metadata#1 ObjectMeta
          spec!#2 AccessReviewSpec
          status#3 AccessReviewStatus
        AccessReviewSpec
          nonResourceAttributes#2 NonResourceAttributes
          resourceAttributes#1 ResourceAttributes
        ResourceAttributes
          group#3 string
          name#7 string
          namespace#1 string
          resource#5 string
          subresource#6 string
          verb#2 string
          version#4 string
        NonResourceAttributes
          path#1 string
          verb#2 string
        SelfSubjectRulesReview
          apiVersion string
          kind string
          metadata#1 ObjectMeta
          spec!#2 RulesReviewSpec
          status#3 RulesReviewStatus
        RulesReviewSpec
          namespace#1 string
        AccessReviewStatus
          allowed#1 bool
          denied#4 bool
          evaluationError#3 string
          reason#2 string
        RulesReviewStatus
          evaluationError#4 string
          incomplete#3 bool
          nonResourceRules#2 any[]
          resourceRules#1 any[]
        DeleteOptions
          apiVersion string
          dryRun#5 string[]
          gracePeriodSeconds#1 long
          kind string
          orphanDependents#3 bool
          preconditions#2 Preconditions
          propagationPolicy#4 string
        Preconditions
          resourceVersion#2 string
          uid#1 string
        """
}
