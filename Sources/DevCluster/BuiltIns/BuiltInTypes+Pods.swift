extension BuiltInTypes {
    static let pods = """
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
          topologySpreadConstraints#33 any[~topologyKey]
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

    static let volumes = """
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
}
