/// The built-in kinds' fields, in the notation of ``TypeLanguage``. Parts that neither this server nor Levee reads are `any`: kept, not checked.
enum BuiltInTypes {
    static let all = TypeLanguage([meta, core, pods, volumes, batch, coordination, events, extensions, authorization, installation].joined(separator: "\n"))

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
        ResourceQuota
          apiVersion string
          kind string
          metadata#1 ObjectMeta
          spec#2 ResourceQuotaSpec
          status#3 ResourceQuotaStatus
        ResourceQuotaSpec
          hard#1 map<quantity>
          scopeSelector#3 any
          scopes#2 string[]
        ResourceQuotaStatus
          hard#1 map<quantity>
          used#2 map<quantity>
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
